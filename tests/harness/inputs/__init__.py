"""What tests and benchmarks put in: small files with true key names, clips, people, networks, wrong values."""
