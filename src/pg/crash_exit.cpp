#include "pg/crash_exit.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace dynpgext::pg {
namespace {

constinit exit_word told{};
constinit pid_t owner = 0;
constinit struct sigaction of_server {};  // installed before ours
constinit struct sigaction previous {};   // the same, or one that the author has installed since
constinit volatile sig_atomic_t has_quit = 0;

// The word's slot may belong to another process by now: this process gives up its place in the
// server shortly before its end.  The other process's value differs, so nothing is changed.  A
// forked child of this process (system() makes one) is ignored.
void tell(uint64 value) noexcept {
  if (getpid() != owner) return;
  uint64 expected = told.armed;
  (void)told.place->compare_exchange_strong(expected, value);
}

void tell_well() noexcept {
  if (!told.outlives || PostmasterIsAlive()) tell(told.exited);
}

bool ends_well(int status) { return (status & 0xff) == 0 || (status & 0xff) == 1; }

void on_quit(int signal, siginfo_t *info, void *context) {
  const int saved_errno = errno;
  tell(told.quit);
  if (told.on_quit != nullptr) told.on_quit();
  errno = saved_errno;
  // a second call if the author's handler calls its predecessor, which is ours
  const struct sigaction &next = has_quit != 0 ? of_server : previous;
  has_quit = 1;
  if ((next.sa_flags & SA_SIGINFO) != 0) {
    next.sa_sigaction(signal, info, context);
  } else if (next.sa_handler == SIG_DFL || next.sa_handler == SIG_IGN) {
    _exit(2);
  } else {
    next.sa_handler(signal);
  }
}

bool is_ours(const struct sigaction &action) {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_quit;
}

// Signals are blocked meanwhile: the handler needs to know the previous one.
void handle_quit() {
  sigset_t quit;
  sigset_t saved;
  (void)sigemptyset(&quit);
  (void)sigaddset(&quit, SIGQUIT);
  (void)sigprocmask(SIG_BLOCK, &quit, &saved);
  if (sigaction(SIGQUIT, nullptr, &previous) == 0) {
    struct sigaction ours = previous;
    ours.sa_sigaction = on_quit;
    ours.sa_flags |= SA_SIGINFO;
    (void)sigaction(SIGQUIT, &ours, nullptr);
  }
  (void)sigprocmask(SIG_SETMASK, &saved, nullptr);
}

// Exit status, 0 if unknown.
constinit int direct_status = 0;
#ifdef __GLIBC__
void remember_status(int status, void *) { direct_status = status; }
#endif

void on_exit_of_process(int code, Datum) {
  if (ends_well(exit_status(code))) tell_well();
}

}  // namespace

void tell_exit(const exit_word &word) {
  if (owner == getpid()) return;
  told = word;
  watch_exit_status();
  call([] { on_proc_exit(on_exit_of_process, 0); });
  owner = getpid();
  handle_quit();
  of_server = previous;
}

void keep_telling_exit() noexcept {
  if (owner != getpid()) return;
  struct sigaction now {};
  if (sigaction(SIGQUIT, nullptr, &now) == 0 && !is_ours(now)) handle_quit();
}

void watch_exit_status() {
#ifdef __GLIBC__
  static constinit bool watched = false;
  // runs before the server's own, which was registered first
  if (!std::exchange(watched, true)) (void)on_exit(remember_status, nullptr);
#endif
}

int exit_status(int code) noexcept { return code < 0 ? direct_status : code; }

}  // namespace dynpgext::pg
