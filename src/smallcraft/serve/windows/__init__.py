"""What was asked and answered, as windows on the disk: small profiles of each release and segment."""
