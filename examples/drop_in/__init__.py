"""Networks of the kinds that reverse convolution is put into, in plain torch; docs/drop_in.md swaps layers in them."""
