"""What the compression audit rests on: embeddings beside exact ones, flipped rows, what rounding bought."""
