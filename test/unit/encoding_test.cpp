// Registrations as bytes: decoding returns what was encoded, and only accepts complete encodings.
#include "model/encoding.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "samples.h"

namespace dynpgext::model {
namespace {

using samples::allocation_of;
using samples::extension_of;
using samples::settings_of;
using samples::worker_of;

registrations everything() {
  registrations r;
  extension e = extension_of("Dx Quoted \"name", "1.0-rc1", std::numeric_limits<int64_t>::min());
  e.eager = false;
  e.loaded = false;
  e.boot = std::numeric_limits<std::int64_t>::max();
  r.extensions = {e, extension_of("b"), extension_of("", "", -1)};
  r.allocations = {allocation_of("b", std::string(255, 'n'), scope::database,
                                 std::numeric_limits<std::uint64_t>::max()),
                   allocation_of("b", "\xc3\xa4\xc3\xb6", scope::global, 1)};
  r.allocations[1].declared = true;
  worker w = worker_of("b", "worker", scope::database);
  for (std::size_t i = 0; i < w.extra.size(); ++i) w.extra[i] = static_cast<char>(i * 3);
  w.flags = std::numeric_limits<std::uint32_t>::max();
  w.argument = std::numeric_limits<std::uint64_t>::max();
  w.notify = true;
  w.has_callback = true;
  w.restart = restart_policy::always;
  w.restart_delay = std::numeric_limits<std::int64_t>::max();
  w.deadline = std::numeric_limits<std::int64_t>::min();
  w.role = server_role::both;
  w.declared = true;
  w.hosted = true;
  w.process = worker_process::own;
  r.workers = {w, worker_of("b", "other", scope::global)};
  for (const std::optional<bool> enabled : {std::optional<bool>(), {true}, {false}})
    for (const std::optional<restart_policy> restart :
         {std::optional<restart_policy>(), {restart_policy::never}, {restart_policy::on_failure}})
      for (const std::optional<std::int64_t> delay :
           {std::optional<std::int64_t>(), {0}, {max_restart_delay}})
        r.settings.push_back(settings_of(w, enabled, restart, delay));
  r.settings.back().run_interval = max_restart_delay;
  r.under_restore = restore{std::numeric_limits<std::int64_t>::min(), true};
  return r;
}

TEST(encoding, nothing_makes_the_round_trip) { EXPECT_EQ(decode(encode({})), registrations{}); }

TEST(encoding, everything_makes_the_round_trip) {
  const registrations r = everything();
  EXPECT_EQ(decode(encode(r)), r);
}

TEST(encoding, a_string_may_hold_zero_bytes) {
  registrations r;
  r.extensions = {extension_of(std::string("a\0b", 3))};
  EXPECT_EQ(decode(encode(r)), r);
}

TEST(encoding, a_thousand_of_each_make_the_round_trip) {
  registrations r;
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    r.extensions.push_back(extension_of("e" + n, n, i));
    r.allocations.push_back(allocation_of("e" + n, "a" + n, scope::database, 8));
    r.workers.push_back(worker_of("e" + n, "w" + n, scope::global));
    r.settings.push_back(settings_of(r.workers.back(), i % 2 == 0, {}, i));
  }
  EXPECT_EQ(decode(encode(r)), r);
}

TEST(encoding, what_is_not_set_is_not_what_is_set_to_nothing) {
  const worker w = worker_of("a", "w", scope::global);
  registrations unset, set;
  unset.settings = {settings_of(w, {}, {}, {})};
  set.settings = {settings_of(w, false, restart_policy::never, 0)};
  EXPECT_NE(encode(unset), encode(set));
  EXPECT_EQ(decode(encode(unset)), unset);
  EXPECT_EQ(decode(encode(set)), set);
}

TEST(encoding, the_same_registrations_give_the_same_bytes) {
  EXPECT_EQ(encode(everything()), encode(everything()));
}

TEST(encoding, no_part_of_it_is_taken_for_the_whole) {
  const std::string bytes = encode(everything());
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_EQ(decode({bytes.data(), length}), std::nullopt) << "cut after " << length << " bytes";
}

TEST(encoding, bytes_behind_it_are_refused) {
  const std::string bytes = encode(everything());
  EXPECT_EQ(decode(bytes + '\0'), std::nullopt);
  EXPECT_EQ(decode(bytes + bytes), std::nullopt);
  EXPECT_EQ(decode(encode({}) + "x"), std::nullopt);
}

TEST(encoding, a_count_that_lies_is_refused_without_taking_that_much_memory) {
  std::string bytes = encode({});
  const std::uint32_t many = std::numeric_limits<std::uint32_t>::max();
  std::memcpy(bytes.data(), &many, sizeof many);
  EXPECT_EQ(decode(bytes), std::nullopt);
}

TEST(encoding, a_length_that_lies_is_refused) {
  registrations r;
  r.extensions = {extension_of("name")};
  std::string bytes = encode(r);
  const std::uint32_t many = std::numeric_limits<std::uint32_t>::max();
  std::memcpy(bytes.data() + sizeof many, &many, sizeof many);  // of the first name
  EXPECT_EQ(decode(bytes), std::nullopt);
}

}  // namespace
}  // namespace dynpgext::model
