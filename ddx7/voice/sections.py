"""Sections of a voice: groups of parameters that a player keeps or changes together."""

SECTIONS = {
    "algorithm": ("algorithm",),
    "envelopes": ("rates", "levels"),
    "levels": ("output_level", "feedback"),
    "ratios": ("coarse", "fine", "detune"),
    "scaling": ("break_point", "left_depth", "right_depth", "rate_scaling", "velocity_sensitivity"),
    "modulation": ("lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth"),
}
"""Sections, and their rows of the parameter table that vary by degrees."""

COMPANIONS = {
    "ratios": ("fixed",),
    "scaling": ("left_curve", "right_curve"),
    "modulation": (
        *("lfo_wave", "lfo_sync", "pitch_mod_sensitivity", "amp_mod_sensitivity"),
        *("pitch_rates", "pitch_levels"),
    ),
}
"""Rows that belong to a section, too, but that small variations leave alone."""
