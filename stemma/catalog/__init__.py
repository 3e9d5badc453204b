"""What readers see of the index: the views of schema `catalog`."""
