"""Every picture that ddx7 draws, for library users as well as the command line."""
