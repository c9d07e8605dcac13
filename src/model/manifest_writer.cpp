// The inverse of the reader: its output reads back as the same manifest, and is canonical, so that
// two manifests can be compared as texts.
#include <algorithm>
#include <array>
#include <utility>

#include "model/manifest.h"
#include "model/manifest_keys.h"
#include "model/text.h"

namespace dynpgext::model {
namespace {

template <class T>
void add(json::object &to, const char *name, T content) {
  json::value v;
  v.of = std::move(content);
  to.emplace_back(name, std::move(v));
}

void add_text(json::object &to, const char *name, std::string_view text) {
  add(to, name, std::string(text));
}

void add_filled(json::object &to, const char *name, json::array items) {
  if (!items.empty()) add(to, name, std::move(items));
}

// The counterpart of fields::object.  Leaves defaults out.
struct form {
  json::object &to;

  void text(const char *name, const fields::length &, const std::string &value,
            fields::presence needed = fields::optional) {
    if (needed == fields::required || !value.empty()) add(to, name, value);
  }
  void boolean(const char *name, bool value, bool usual = false) {
    if (value != usual) add(to, name, value);
  }
  template <class Value>
  void choice(const char *name, std::initializer_list<Value>, Value value, Value usual) {
    if (value != usual) add_text(to, name, name_of(value));
  }
  void integer(const char *name, std::int64_t, std::int64_t, std::int64_t value) {
    if (value != 0) add(to, name, value);
  }
  void interval(const char *name, std::int64_t value) {
    if (value != 0) add_text(to, name, interval_text(value));
  }
  void interval(const char *name, const interval_reader &, const fields::interval_range &,
                std::int64_t value, std::span<const fields::interval_word> words = {}) {
    for (const fields::interval_word &w : words)
      if (value != 0 && value == w.value) return add_text(to, name, w.text);
    interval(name, value);
  }
  void hex(const char *name, std::size_t, const std::string &bytes) {
    if (!bytes.empty()) add_text(to, name, to_hex(bytes));
  }
};

// One object for each item, sorted by name.
template <class T, class NameOf, class Write>
json::array list_of(const std::vector<T> &items, NameOf name_of, Write write) {
  std::vector<const T *> sorted;
  sorted.reserve(items.size());
  for (const T &item : items) sorted.push_back(&item);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const T *a, const T *b) { return name_of(*a) < name_of(*b); });
  json::array result;
  for (const T *item : sorted) result.push_back({write(*item)});
  return result;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

json::object allocation_object(allocation a, const std::string &content,
                               const server_numbers &numbers) {
  json::object o;
  form keys{o};
  add_text(o, "name", a.name);
  add(o, "size", static_cast<std::int64_t>(a.size));
  fields::scope_key(keys, a.scope);
  if (is_readable(content) && (numbers.text_is_utf8 || is_ascii(content)))
    keys.text("initial", {}, content);
  else
    add_text(o, "initial_hex", to_hex(content));
  return o;
}

json::object restart_object(const std::optional<restart_policy> &policy,
                            const std::optional<std::int64_t> &delay) {
  json::object o;
  if (policy) add_text(o, "policy", name_of(*policy));
  if (delay) add_text(o, "delay", interval_text(*delay));
  return o;
}

void add_restart(json::object &to, json::object restart) {
  if (!restart.empty()) add(to, "restart", std::move(restart));
}

// `by_default`: the default policy.
void add_restart(json::object &to, const worker &w, restart_policy by_default) {
  std::optional<restart_policy> policy;
  std::optional<std::int64_t> delay;
  if (w.restart != by_default) policy = w.restart;
  if (w.restart_delay != default_restart_delay) delay = w.restart_delay;
  add_restart(to, restart_object(policy, delay));
}

json::object worker_object(worker w, std::optional<command> c, const server_numbers &numbers) {
  json::object o;
  form keys{o};
  add_text(o, "name", w.name);
  if (w.type != w.name) add_text(o, "type", w.type);
  fields::scope_key(keys, w.scope);
  if (c) {
    fields::command_keys(keys, numbers, {}, w, *c);
  } else {
    fields::code_keys(keys, numbers, w);
    fields::function_keys(keys, numbers, fields::part::library, w);
  }
  if (w.start == numbers.start_consistent)
    add_text(o, "start", "consistent");
  else if (w.start == numbers.start_postmaster)
    add_text(o, "start", "postmaster");
  fields::servers_key(keys, w.role);
  add_restart(o, w, c ? restart_policy::always : restart_policy::never);
  keys.interval("deadline", c ? c->deadline : w.deadline);
  return o;
}

json::object settings_object(const worker_settings &s) {
  json::object o;
  add_text(o, "worker", s.worker);
  if (s.enabled) add(o, "enabled", *s.enabled);
  add_restart(o, restart_object(s.restart, s.restart_delay));
  if (s.run_interval) add_text(o, "interval", interval_text(*s.run_interval));
  return o;
}

json::object library_object(const library_part &from, const server_numbers &numbers) {
  json::object o;
  add_text(o, "name", from.library);
  add_filled(o, "allocations",
             list_of(
                 from.allocations, [](const allocation &a) { return std::string_view(a.name); },
                 [&](const allocation &a) { return allocation_object(a, {}, numbers); }));
  add_filled(o, "workers",
             list_of(
                 from.workers, [](const worker &w) { return std::string_view(w.name); },
                 [&](const worker &w) { return worker_object(w, {}, numbers); }));
  return o;
}

void add_extension(json::object &to, const extension_manifest &from,
                   const server_numbers &numbers) {
  form{to}.text("extension", {}, from.extension);
  if (from.version) add_text(to, "version", *from.version);
  add_filled(to, "allocations",
             list_of(
                 from.allocations,
                 [](const declared_allocation &a) { return std::string_view(a.allocation.name); },
                 [&](const declared_allocation &a) {
                   return allocation_object(a.allocation, a.content, numbers);
                 }));
  add_filled(
      to, "workers",
      list_of(
          from.workers, [](const declared_worker &w) { return std::string_view(w.worker.name); },
          [&](const declared_worker &w) { return worker_object(w.worker, w.command, numbers); }));
  std::vector<worker_settings> said;
  for (const declared_settings &s : from.settings)
    if (!s.settings.is_empty()) said.push_back(s.settings);
  add_filled(to, "settings",
             list_of(
                 said, [](const worker_settings &s) { return std::string_view(s.worker); },
                 settings_object));
  if (from.library) add(to, "library", library_object(*from.library, numbers));
}

}  // namespace

json::value write_manifest(const manifest &from, const server_numbers &numbers) {
  json::object o;
  add(o, "dynpgext", std::int64_t{manifest_version});
  if (from.whole_database)
    add(o, "extensions",
        list_of(
            from.extensions,
            [](const extension_manifest &e) { return std::string_view(e.extension); },
            [&](const extension_manifest &e) {
              json::object item;
              add_extension(item, e, numbers);
              return item;
            }));
  else if (!from.extensions.empty())
    add_extension(o, from.extensions.front(), numbers);
  return {std::move(o)};
}

std::string interval_text(std::int64_t milliseconds) {
  struct unit {
    std::int64_t milliseconds;
    const char *name;
  };
  constexpr std::array<unit, 3> units{{{3600000, " h"}, {60000, " min"}, {1000, " s"}}};
  for (const unit &u : units)
    if (milliseconds % u.milliseconds == 0 && milliseconds != 0)
      return std::to_string(milliseconds / u.milliseconds) + u.name;
  return std::to_string(milliseconds) + " ms";
}

}  // namespace dynpgext::model
