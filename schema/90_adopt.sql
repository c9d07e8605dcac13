-- Last: what is installed already takes part from now on.
SELECT dynpgext.adopt_installed_extensions();
