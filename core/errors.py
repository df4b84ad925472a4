"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Something the user can put right: one sentence that says what to do, shown as it is."""
