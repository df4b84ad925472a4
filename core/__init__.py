"""mien.core: from footage of a face to action units over time.  Knows neither bpy nor torch."""
