// VLNN
