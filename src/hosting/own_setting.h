// The settings of a hosted library: settings that only a restart of the server would change, and
// values for this instance.
#pragma once

#include "hosting/library.h"

namespace dynpgext::hosting {

// A scope for the definition of one setting.
//
// A start-time setting gets the keeper's value, which comes from the configuration files.  The
// server is told that it is starting, because it refuses the definition otherwise.  A setting with
// a value for this instance gets that value, as if it were on the server's command line.
class setting_definition {
 public:
  setting_definition(library &l, const char *name, GucContext context);
  setting_definition(const setting_definition &) = delete;
  setting_definition &operator=(const setting_definition &) = delete;
  ~setting_definition();
  // After the definition: the keeper stores its value.  22023 if the server refuses the instance's
  // value.
  void done();

 private:
  void check_own() const;

  library &library_;
  const char *name_;
  bool is_of_start_;
  bool was_starting_;
  std::optional<std::string> own_;  // its value for this instance
};

// At the end of a session's start.  A client's value for a setting of a hosted library is refused
// as for a preloaded library, with 42501 or 55P02.  The server would only warn, and discard the
// configured value.
void refuse_settings_of_client();

// After loading the library: 22023 if the instance has a value for a setting that the library has
// not defined.
void refuse_undefined_settings(const library &l);

}  // namespace dynpgext::hosting
