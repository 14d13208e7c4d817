"""What is counted while serving, and how it is shown: counters, Prometheus, a dashboard, the verdict."""
