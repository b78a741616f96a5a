"""What a call of the operator asks for, and who is calling: what all floors above speak in."""
