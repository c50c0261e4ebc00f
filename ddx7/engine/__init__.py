"""What a DX7 voice sounds like: tables, envelopes, LFO, pitch, operators and `render`."""
