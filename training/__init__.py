"""Networks, losses, data, trainers and export.  Needs torch."""
