"""Finds the stored vectors nearest to one, within a partition that nothing crosses."""
