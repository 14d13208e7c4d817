"""How a registry goes to a remote that is no folder, comes from one, and is written by many through one."""
