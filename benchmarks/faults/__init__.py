"""What happens to MLflow, to DVC and to smallcraft under the same faults, tried for real."""
