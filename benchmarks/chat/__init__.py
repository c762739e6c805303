"""Channels with members: what the bookstore lacks, many-to-many."""
