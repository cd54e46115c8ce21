"""A simulated Mist cloud with labelled incidents, over HTTP."""
