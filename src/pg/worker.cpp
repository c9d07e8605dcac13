#include "pg/worker.h"

#include <signal.h>

#include "pg/own_library.h"

namespace dynpgext::pg {
namespace {

BackgroundWorker describe(const worker_request &request) {
  BackgroundWorker worker{};
  strlcpy(worker.bgw_name, request.name, sizeof worker.bgw_name);
  strlcpy(worker.bgw_type, request.type, sizeof worker.bgw_type);
  strlcpy(worker.bgw_library_name, own_library(), sizeof worker.bgw_library_name);
  strlcpy(worker.bgw_function_name, request.function, sizeof worker.bgw_function_name);
  worker.bgw_flags = request.flags;
  worker.bgw_start_time = request.start;
  worker.bgw_restart_time = request.restart_seconds;
  worker.bgw_main_arg = request.argument;
  worker.bgw_notify_pid = request.notify;
  const size_t size = std::min(request.extra.size(), sizeof worker.bgw_extra);
  std::copy_n(request.extra.begin(), size, worker.bgw_extra);
  return worker;
}

constinit volatile sig_atomic_t is_shutdown = 0;

// Like SignalHandlerForShutdownRequest(), which does not get the sender of the signal.
void on_terminate(int, siginfo_t *info, void *) {
  const int saved_errno = errno;
  if (info->si_pid == PostmasterPid) is_shutdown = 1;
  ShutdownRequestPending = 1;
  SetLatch(MyLatch);
  errno = saved_errno;
}

}  // namespace

bool start_process(const worker_request &request, BackgroundWorkerHandle **handle) {
  BackgroundWorker worker = describe(request);
  return call([&worker, handle] {
    const MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
    const bool started = RegisterDynamicBackgroundWorker(&worker, handle);
    MemoryContextSwitchTo(context);
    return started;
  });
}

void start_process_at_boot(const worker_request &request) {
  BackgroundWorker worker = describe(request);
  call([&worker] { RegisterBackgroundWorker(&worker); });
}

bool has_stopped(BackgroundWorkerHandle *handle) {
  return call([=] {
    pid_t pid = 0;
    const BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);
    return status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED;
  });
}

pid_t process_of(BackgroundWorkerHandle *handle) {
  return call([=] {
    pid_t pid = 0;
    return GetBackgroundWorkerPid(handle, &pid) == BGWH_STARTED ? pid : 0;
  });
}

void free_handle(BackgroundWorkerHandle *handle) {
  call([=] { pfree(handle); });
}

bool wait_for_latch(long milliseconds, wait what) {
  const uint32 event = wait_event(what);
  return call([=] {
    const int timeout = milliseconds < 0 ? 0 : WL_TIMEOUT;
    const long longest = std::min<long>(milliseconds, INT_MAX);
    const int events =
        WaitLatch(MyLatch, WL_LATCH_SET | timeout | WL_EXIT_ON_PM_DEATH, longest, event);
    if ((events & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
    return (events & WL_LATCH_SET) != 0;
  });
}

void serve_interrupts() {
  if (INTERRUPTS_PENDING_CONDITION()) call([] { CHECK_FOR_INTERRUPTS(); });
}

void name_application(const std::string &name) {
  const char *text = name.c_str();
  call([=] { SetConfigOption("application_name", text, PGC_USERSET, PGC_S_DYNAMIC_DEFAULT); });
}

void report_idle() {
  if (!IsTransactionState()) pgstat_report_activity(STATE_IDLE, nullptr);
}

void report_busy() {
  if (!IsTransactionState()) pgstat_report_activity(STATE_RUNNING, nullptr);
}

void note_reload_requests() {
  call([] { pqsignal(SIGHUP, SignalHandlerForConfigReload); });
}

void handle_signals_politely() {
  struct sigaction action {};
  action.sa_sigaction = on_terminate;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGTERM, &action, nullptr);
  call([] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    BackgroundWorkerUnblockSignals();
  });
}

bool asked_to_exit() { return ShutdownRequestPending != 0; }

bool is_server_ending() { return is_shutdown != 0; }

bool reload_configuration_if_asked() {
  if (ConfigReloadPending == 0) return false;
  ConfigReloadPending = 0;
  call([] { ProcessConfigFile(PGC_SIGHUP); });
  return true;
}

}  // namespace dynpgext::pg
