"""Schedules: learning-rate factors as pure functions of the step, so that a run can be extended."""
