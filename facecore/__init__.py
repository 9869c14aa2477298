"""Reads facial expression and gender from photos, videos and a webcam."""
