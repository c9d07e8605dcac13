// Writing and reading a manifest are inverse operations.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "manifests.h"
#include "model/text.h"

namespace dynpgext::model {
namespace {

using manifests::faults_of;
using manifests::numbers;
using manifests::read;
using manifests::write;

// Read and written again.
std::string again(std::string_view text, const std::string &extension = {}) {
  const manifest_result r = read(text, extension);
  EXPECT_EQ(manifests::text_of(r.faults), "") << text;
  return write(r.document);
}

TEST(manifest_writer, what_is_written_has_the_order_of_the_schema) {
  EXPECT_EQ(again(R"({"library":{"workers":[{"function":"f","name":"v","library":"l",
      "callback":true,"start":"postmaster","connects":false}],
      "allocations":[{"size":1,"name":"z"}],"name":"$libdir/queue"},
      "settings":[{"restart":{"delay":"0 s","policy":"never"},"enabled":true,"worker":"w"}],
      "workers":[{"command":"select 1","deadline":"1 s","run_as":"r","channel":"c",
      "interval":"1000 ms","restart":{"delay":"2 s","policy":"never"},"servers":"both",
      "start":"consistent","scope":"global","type":"t","name":"w"},
      {"notify":true,"extra_hex":"61000000","argument":-1,"function":"f","library":"l","name":"a",
      "scope":"global"}],
      "allocations":[{"initial":"x","scope":"global","size":8,"name":"b"},
      {"name":"a","size":2,"initial_hex":"00ff"}],
      "version":"1.0","extension":"queue","dynpgext":1})"),
            R"({"dynpgext":1,"extension":"queue","version":"1.0",)"
            R"("allocations":[{"name":"a","size":2,"initial_hex":"00ff"},)"
            R"({"name":"b","size":8,"scope":"global","initial":"x"}],)"
            R"("workers":[{"name":"a","scope":"global","library":"l","function":"f",)"
            R"("argument":-1,"extra_hex":"61","notify":true},)"
            R"({"name":"w","type":"t","scope":"global","command":"select 1","interval":"1 s",)"
            R"("channel":"c","run_as":"r","start":"consistent","servers":"both",)"
            R"("restart":{"policy":"never","delay":"2 s"},"deadline":"1 s"}],)"
            R"("settings":[{"worker":"w","enabled":true,)"
            R"("restart":{"policy":"never","delay":"0 ms"}}],)"
            R"("library":{"name":"$libdir/queue","allocations":[{"name":"z","size":1}],)"
            R"("workers":[{"name":"v","library":"l","function":"f","connects":false,)"
            R"("callback":true,"start":"postmaster"}]}})");
}

TEST(manifest_writer, what_goes_without_saying_is_left_out) {
  EXPECT_EQ(again(R"({"dynpgext":1,"extension":"a","allocations":[],"workers":[
      {"name":"c","type":"c","scope":"database","start":"recovery_finished","library":"l",
       "function":"f","connects":true,"extra_hex":"0000","notify":false,"deadline":"0 s",
       "restart":{"policy":"never","delay":"1 s"}},
      {"name":"s","command":"x","interval":"1 min","restart":{"policy":"always"}}],
      "settings":[]})"),
            R"({"dynpgext":1,"extension":"a","workers":[{"name":"c","library":"l","function":"f"},)"
            R"({"name":"s","command":"x","interval":"1 min"}]})");
}

TEST(manifest_writer, a_database_is_sorted_and_may_be_empty) {
  EXPECT_EQ(again(R"({"dynpgext":1,"extensions":[{"extension":"b"},{"extension":"a"}]})"),
            R"({"dynpgext":1,"extensions":[{"extension":"a"},{"extension":"b"}]})");
  EXPECT_EQ(again(R"({"dynpgext":1,"extensions":[]})"), R"({"dynpgext":1,"extensions":[]})");
}

TEST(manifest_writer, settings_that_set_nothing_are_left_out) {
  manifest m;
  m.extensions.resize(1);
  m.extensions[0].extension = "a";
  m.extensions[0].settings.resize(1);
  EXPECT_EQ(write(m), R"({"dynpgext":1,"extension":"a"})");
}

TEST(manifest_writer, content_is_text_where_it_can_be_read) {
  const auto written = [](const std::string &content) {
    manifest m;
    m.extensions.resize(1);
    m.extensions[0].allocations.resize(1);
    m.extensions[0].allocations[0].content = content;
    return write(m);
  };
  EXPECT_NE(written("a\tb\r\n\xc3\xa4").find("\"initial\":\"a\\tb\\r\\n\xc3\xa4\""),
            std::string::npos);
  EXPECT_NE(written(std::string("a\0", 2)).find("\"initial_hex\":\"6100\""), std::string::npos);
  EXPECT_NE(written("\x1b").find("\"initial_hex\":\"1b\""), std::string::npos);
  EXPECT_NE(written("\x7f").find("\"initial_hex\":\"7f\""), std::string::npos);
  EXPECT_NE(written("\xc3").find("\"initial_hex\":\"c3\""), std::string::npos);
  EXPECT_EQ(written("").find("initial"), std::string::npos);
}

TEST(manifest_writer, an_interval_has_the_largest_unit_that_fits) {
  EXPECT_EQ(interval_text(0), "0 ms");
  EXPECT_EQ(interval_text(1), "1 ms");
  EXPECT_EQ(interval_text(250), "250 ms");
  EXPECT_EQ(interval_text(5000), "5 s");
  EXPECT_EQ(interval_text(5001), "5001 ms");
  EXPECT_EQ(interval_text(60000), "1 min");
  EXPECT_EQ(interval_text(90000), "90 s");
  EXPECT_EQ(interval_text(3600000), "1 h");
  EXPECT_EQ(interval_text(max_command_interval), "8784 h");
}

// ---- random manifests -------------------------------------------------------------------------

class random_manifest {
 public:
  explicit random_manifest(unsigned seed) : engine_(seed) {}

  manifest make() {
    manifest m;
    m.whole_database = chance(2);
    const std::size_t count = m.whole_database ? below(4) : 1;
    for (std::size_t i = 0; i < count; ++i) m.extensions.push_back(extension("e" + name(i)));
    return m;
  }

 private:
  std::size_t below(std::size_t n) { return engine_() % n; }
  bool chance(std::size_t one_of) { return below(one_of) == 0; }

  std::string text(std::size_t most) {
    static const std::vector<std::string> pieces{"a",
                                                 "Z",
                                                 " ",
                                                 "/",
                                                 "~",
                                                 "\"",
                                                 "\\",
                                                 "\n",
                                                 "\t",
                                                 "\xc3\xa4",
                                                 "\xe2\x82\xac",
                                                 "\xf0\x9f\x90\x98",
                                                 "\x01",
                                                 "\x7f",
                                                 "'",
                                                 "$libdir/"};
    std::string result = "x";
    for (std::size_t i = below(12); i > 0; --i) {
      const std::string &piece = pieces[below(pieces.size())];
      if (result.size() + piece.size() <= most) result += piece;
    }
    return result;
  }
  // The names sort like the numbers.
  std::string name(std::size_t i) { return std::to_string(100 + i) + text(50); }

  std::string bytes(std::size_t most) {
    std::string result;
    for (std::size_t i = below(most + 1); i > 0; --i) result += static_cast<char>(engine_());
    return result;
  }

  std::int64_t delay() {
    constexpr std::int64_t some[] = {0, 1, 999, 1000, 1001, 60000, 3600000, max_restart_delay};
    return some[below(std::size(some))];
  }

  allocation an_allocation(const std::string &extension, bool declared) {
    allocation a;
    a.name = "m" + name(allocations_++);
    a.extension = extension;
    a.scope = chance(2) ? scope::global : scope::database;
    a.size = chance(4) ? std::uint64_t{1} << 40 : 1 + below(1000);
    a.declared = declared;
    return a;
  }

  worker a_worker(const std::string &extension, std::size_t i, bool declared) {
    worker w;
    w.extension = extension;
    w.name = "w" + name(i);
    w.type = chance(2) ? w.name : text(95);
    w.scope = chance(2) ? scope::global : scope::database;
    w.library = text(100);
    w.function = text(95);
    w.flags = chance(3) ? 1 : 3;
    w.start = chance(2) ? numbers.start_consistent : numbers.start_recovery_finished;
    if (!declared && chance(4)) w.start = numbers.start_postmaster;
    w.role = static_cast<server_role>(below(w.start == numbers.start_recovery_finished ? 2 : 4));
    w.notify = chance(2);
    w.has_callback = !declared && chance(2);
    if (w.scope == scope::global && chance(2))
      w.argument = (std::uint64_t{engine_()} << 32) | engine_();
    const std::string extra = chance(2) ? bytes(worker_extra_size) : "";
    std::copy(extra.begin(), extra.end(), w.extra.begin());
    w.restart = static_cast<restart_policy>(below(3));
    w.restart_delay = delay();
    w.deadline = delay();
    w.declared = declared;
    return w;
  }

  void make_sql(declared_worker &d) {
    worker &w = d.worker;
    command c;
    c.extension = w.extension;
    c.worker = w.name;
    c.sql = text(200);
    if (chance(2)) c.channel = text(63);
    const bool on_standbys = w.role == server_role::standby || w.role == server_role::both;
    if (c.channel.empty() || on_standbys || chance(2)) c.interval = 10 + delay();
    if (chance(2)) c.run_as = text(63);
    c.deadline = std::exchange(w.deadline, 0);
    w.library = numbers.sql_library;
    w.function = numbers.sql_function;
    w.flags = 3;
    w.notify = false;
    w.argument = 0;
    w.hosted = true;
    c.atomic = chance(2);
    if (chance(2)) w.process = worker_process::own;
    if (c.channel.empty() && chance(2)) c.first_run = chance(2) ? after_interval : delay();
    bind(w, c);
    d.command = c;
  }

  extension_manifest extension(const std::string &its_name) {
    extension_manifest e;
    e.extension = its_name;
    if (chance(2)) e.version = text(255);
    std::size_t workers = 0;
    for (std::size_t i = below(4); i > 0; --i) {
      declared_allocation &a = e.allocations.emplace_back();
      a.allocation = an_allocation(its_name, true);
      a.content = chance(2) ? text(a.allocation.size) : bytes(20);
      if (a.content.size() > a.allocation.size) a.content.clear();
    }
    for (std::size_t i = below(5); i > 0; --i) {
      declared_worker &w = e.workers.emplace_back();
      w.worker = a_worker(its_name, workers++, true);
      if (chance(2)) make_sql(w);
    }
    for (std::size_t i = 0, n = below(4); i < n; ++i) {
      worker_settings &s = e.settings.emplace_back().settings;
      s.extension = its_name;
      s.worker = "s" + name(i);
      if (chance(2)) s.restart = static_cast<restart_policy>(below(3));
      if (chance(2)) s.restart_delay = delay();
      if (chance(3)) s.run_interval = 10 + delay();
      if (chance(2) || s.is_empty()) s.enabled = chance(2);
    }
    if (chance(2)) {
      library_part &l = e.library.emplace();
      l.library = text(1023);
      for (std::size_t i = below(3); i > 0; --i)
        l.allocations.push_back(an_allocation(its_name, false));
      for (std::size_t i = below(3); i > 0; --i)
        l.workers.push_back(a_worker(its_name, workers++, false));
    }
    return e;
  }

  std::mt19937 engine_;
  std::size_t allocations_ = 0;
};

// Without the places that reading adds.
manifest without_places(manifest m) {
  for (extension_manifest &e : m.extensions) {
    e.place.clear();
    for (auto &a : e.allocations) a.place.clear();
    for (auto &w : e.workers) w.place.clear();
    for (auto &s : e.settings) s.place.clear();
  }
  return m;
}

TEST(manifest_writer, what_is_written_is_read_as_it_was) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const manifest m = random_manifest(seed).make();
    const std::string text = write(m, seed % 2 == 0);
    const manifest_result r = read(text, "");
    ASSERT_EQ(manifests::text_of(r.faults), "") << text;
    ASSERT_EQ(without_places(r.document), m) << text;
    ASSERT_EQ(write(r.document, seed % 2 == 0), text);
  }
}

// The order of the lists does not affect the written text.
TEST(manifest_writer, the_order_of_lists_makes_no_difference) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    manifest m = random_manifest(seed).make();
    const std::string text = write(m);
    std::reverse(m.extensions.begin(), m.extensions.end());
    for (extension_manifest &e : m.extensions) {
      std::reverse(e.allocations.begin(), e.allocations.end());
      std::reverse(e.workers.begin(), e.workers.end());
      std::reverse(e.settings.begin(), e.settings.end());
    }
    ASSERT_EQ(write(m), text);
  }
}

}  // namespace
}  // namespace dynpgext::model
