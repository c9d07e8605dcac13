// The settings of a hosted library: those that only a restart of the server would change, and those
// that the instance has of its own.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// Around the definition of one setting.
//
// One of the server's start gets the value that the keeper has got, which comes from the
// configuration files, and the server is told that it is starting: it refuses the definition
// otherwise.  One for which the instance has a value of its own gets that, as if it stood on the
// server's command line.
class setting_definition {
 public:
  setting_definition(library &l, const char *name, GucContext context);
  setting_definition(const setting_definition &) = delete;
  setting_definition &operator=(const setting_definition &) = delete;
  ~setting_definition();
  // It is defined: the keeper remembers its value.
  // 22023 where the instance's own value is none that the server takes.
  void done();

 private:
  void check_own() const;

  library &library_;
  const char *name_;
  bool is_of_start_;
  bool was_starting_;
  std::optional<std::string> own_;  // value
};

// At the end of a session's start.  What a client has asked for when it connected counts for a
// setting of a hosted library where it would if the library were preloaded; otherwise the server
// has only warned, and has given up the configured value: 42501 or 55P02.
void refuse_settings_of_client();

// When the library has been loaded: 22023 where the instance has a value for a setting that the
// library has not defined.
void refuse_undefined_settings(const library &l);

}  // namespace dynpgext::hosting
