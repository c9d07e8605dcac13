// Places where a test makes a process fail: tests in t/ iterate over the list.
//
// Only in a build with -DDYNPGEXT_FAULTS.  A file `dynpgext.fault` in the data directory names a
// point and the action: `kill` (SIGKILL) or `error`.  The first process at the point removes the
// file, and performs the action.
#pragma once

#ifdef DYNPGEXT_FAULTS
namespace dynpgext::pg {
void fault_point(const char *name);
}
#define DYNPGEXT_FAULT_POINT(name) ::dynpgext::pg::fault_point(name)
#else
#define DYNPGEXT_FAULT_POINT(name) static_cast<void>(0)
#endif
