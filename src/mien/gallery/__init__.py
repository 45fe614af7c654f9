"""Enrolment, search and decisions."""
