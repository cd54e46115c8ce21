"""From the Mist cloud to history frames: what to ask (call planner), raw files as received, raw files → frames."""
