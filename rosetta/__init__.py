"""rosetta"""
