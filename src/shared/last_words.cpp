#include "shared/last_words.h"

#include "model/text.h"

namespace dynpgext::state {
namespace {

constinit bool is_keeping = false;
constinit message_text words{};
constinit emit_log_hook_type previous_log_hook = nullptr;

void on_log(ErrorData *data) {
  if (data->elevel >= FATAL && data->message != nullptr)
    note_error(data->sqlerrcode, data->message);
  if (previous_log_hook != nullptr) previous_log_hook(data);
}

}  // namespace

void keep_last_words() {
  if (std::exchange(is_keeping, true)) return;
  previous_log_hook = emit_log_hook;
  emit_log_hook = on_log;
}

void keep_words(int sqlstate, const char *message, message_text *into) noexcept {
  snprintf(into->bytes, sizeof into->bytes, "%s: %s", unpack_sql_state(sqlstate), message);
  const int length = static_cast<int>(into->view().size());
  // a long text is cut, but not in the middle of a character
  const int clipped = pg_mbcliplen(into->bytes, length, length);
  const std::string_view text(into->bytes, static_cast<size_t>(clipped));
  // a process without a database has no encoding
  const bool is_cut = length + 1 == static_cast<int>(sizeof into->bytes);
  into->bytes[is_cut ? model::whole_length(text) : text.size()] = '\0';
}

void note_error(int sqlstate, const char *message) noexcept {
  if (is_keeping) keep_words(sqlstate, message, &words);
}

const message_text &last_words(int exit_code) noexcept {
  // a normal end carries no error, whatever was logged before
  if (exit_code == 0) words = {};
  return words;
}

}  // namespace dynpgext::state
