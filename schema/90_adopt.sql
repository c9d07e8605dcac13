-- Last: extensions that are already installed take part from now on.
SELECT dynpgext_internal.adopt_installed_extensions();
