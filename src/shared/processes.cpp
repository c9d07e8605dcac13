#include "shared/processes.h"

#include "pg/own_library.h"
#include "shared/text.h"

namespace dynpgext::state {
namespace {

bool is_runner(const process_entry &process) { return OidIsValid(process.database); }

bool is_of(const process_entry &process, const worker_entry &entry) {
  return std::memcmp(&process.worker, &entry.key, sizeof entry.key) == 0;
}

void settle(const shared &s, const process_entry &process) {
  if (is_runner(process)) {
    for (worker_entry *entry : s.workers.of(process.database))
      if (entry->pid == process.key.pid) settle_words(s, *entry);
  } else if (worker_entry *entry = s.workers.find(process.worker)) {
    if (entry->pid == process.key.pid) settle_words(s, *entry);
  }
}

// An earlier process with this pid may still have an entry.
process_entry *make(const shared &s, pid_t pid) {
  if (const process_entry *last = s.processes.find({pid})) settle(s, *last);
  process_entry *process = s.processes.insert({pid});
  s.processes.clear(process);
  process->own = pg::own_build();
  return process;
}

}  // namespace

void note_process(const shared &s, pid_t process, const worker_key &worker) {
  make(s, process)->worker = worker;
}

void note_runner_process(const shared &s, const runner_entry &runner) {
  process_entry *process = make(s, runner.pid);
  process->database = runner.key.database;
  process->birth = runner.birth;
}

void forget_process(const shared &s, const worker_entry &entry) {
  const process_entry *process = s.processes.find({entry.pid});
  if (process != nullptr && is_of(*process, entry)) s.processes.erase({entry.pid});
}

void forget_runner_process(const shared &s, const runner_entry &runner) {
  const process_entry *process = s.processes.find({runner.pid});
  if (process == nullptr || !is_runner(*process) || process->birth != runner.birth) return;
  settle(s, *process);
  s.processes.erase({runner.pid});
}

void say_last_words(const shared &s, worker_entry &entry, const message_text &words) {
  process_entry *process = s.processes.find({entry.pid});
  if (process == nullptr) return;
  process->words = words;
  entry.has_words = true;
}

void settle_words(const shared &s, worker_entry &entry) {
  if (!std::exchange(entry.has_words, false)) return;
  const process_entry *process = s.processes.find({entry.pid});
  if (process != nullptr) assign_if_possible(s, entry.error, process->words.view());
}

std::string error_of(const shared &s, const worker_entry &entry) {
  const process_entry *process = entry.has_words ? s.processes.find({entry.pid}) : nullptr;
  return process != nullptr ? process->words.str() : std::string(view(s, entry.error));
}

}  // namespace dynpgext::state
