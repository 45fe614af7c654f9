"""Model cards, the model store, and the engines that run the networks."""
