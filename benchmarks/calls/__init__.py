"""Methods, and the same code in plain Django views; a publication that the row decides."""
