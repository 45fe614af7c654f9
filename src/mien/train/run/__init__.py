"""What a run leaves on the disk: checkpoints, log, and what reports of all kinds show."""
