#include "hosting/own_setting.h"

#include "model/json.h"

namespace dynpgext::hosting {
namespace {

// Of the instance's own.
std::optional<std::string> own_value(const library &l, const char *name) {
  if (l.settings.empty()) return std::nullopt;
  const model::json::parsed parsed = model::json::parse(l.settings, {});
  const auto *members = std::get_if<model::json::object>(&parsed.document.of);
  if (members == nullptr) return std::nullopt;
  for (const auto &[key, value] : *members)
    if (pg_strcasecmp(key.c_str(), name) == 0)
      if (const auto *text = std::get_if<std::string>(&value.of)) return *text;
  return std::nullopt;
}

const kept_setting *kept_value(const library &l, const char *name) {
  if (!l.window.is_open()) return nullptr;
  for (const kept_setting *s = l.window.header().settings; s != nullptr; s = s->next)
    if (std::strcmp(s->name, name) == 0) return s;
  return nullptr;
}

void set(const char *name, const char *value, GucSource source) {
  pg::call([=] { SetConfigOption(name, value, PGC_POSTMASTER, source); });
}

// It is a placeholder still, and so a text.
std::optional<std::string> configured_value(const char *name) {
  const char *value = pg::call([=] { return GetConfigOption(name, true, false); });
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

setting_definition::setting_definition(library &l, const char *name, GucContext context)
    : library_(l),
      name_(name),
      is_of_start_(context == PGC_POSTMASTER),
      was_starting_(process_shared_preload_libraries_in_progress) {
  const kept_setting *kept = is_of_start_ ? kept_value(l, name) : nullptr;
  const std::optional<std::string> own = own_value(l, name);
  if (kept != nullptr) {
    if (kept->value != nullptr) set(name, kept->value, own ? PGC_S_ARGV : PGC_S_FILE);
  } else if (own) {
    set(name, own->c_str(), PGC_S_ARGV);
  } else if (is_of_start_) {
    // what a session has said of it does not count
    if (const auto value = configured_value(name)) set(name, value->c_str(), PGC_S_FILE);
  }
  if (is_of_start_) process_shared_preload_libraries_in_progress = true;
}

setting_definition::~setting_definition() {
  process_shared_preload_libraries_in_progress = was_starting_;
}

void setting_definition::done() {
  if (is_of_start_ && library_.is_keeper)
    library_.kept_settings.push_back({name_, configured_value(name_)});
}

}  // namespace dynpgext::hosting
