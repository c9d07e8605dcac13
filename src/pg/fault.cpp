#include "pg/fault.h"

#ifdef DYNPGEXT_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "pg/border.h"

namespace dynpgext::pg {

void fault_point(const char *name) {
  constexpr const char *path = "dynpgext.fault";
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char text[256] = {};
  (void)!read(file, text, sizeof text - 1);
  (void)close(file);
  const std::string_view wanted(text, strcspn(text, "\n"));
  const size_t space = wanted.find(' ');
  if (wanted.substr(0, space) != name) return;
  if (unlink(path) != 0) return;  // another process was first
  if (wanted.substr(space + 1) == "kill") (void)kill(getpid(), SIGKILL);
  throw error(ERRCODE_INTERNAL_ERROR, std::string("fault injected at ") + name);
}

}  // namespace dynpgext::pg

#endif
