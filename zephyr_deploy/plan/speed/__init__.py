"""How fast a setup will be: a calibrated roofline (docs/explanation/planner.md)."""
