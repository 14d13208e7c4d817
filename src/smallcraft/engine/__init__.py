"""Where work runs: here, in processes of this machine, on a Ray cluster; through the backends of joblib."""
