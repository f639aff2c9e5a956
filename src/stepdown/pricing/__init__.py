"""What tokens cost: the price of a model, and the book of prices over a well-kept catalogue."""
