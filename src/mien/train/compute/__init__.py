"""How a step of any network is computed: processes, order and seeds, precision, norms, optimizer."""
