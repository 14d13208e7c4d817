"""What the supervisor's parts share: settings, messages, children, the admin socket."""
