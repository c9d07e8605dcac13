// The transition table of workers, and the names that the views show.
#include "model/state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace dynpgext::model {
namespace {

using s = worker_state;
using e = worker_event;

constexpr int state_count = 10;
constexpr int event_count = 9;

s state_at(int i) { return static_cast<s>(i); }
e event_at(int i) { return static_cast<e>(i); }

// Written down a second time on purpose: a change of the table has to be meant.
const std::map<std::pair<s, e>, s> expected = {
    {{s::registered, e::start}, s::starting}, {{s::registered, e::postpone}, s::waiting},
    {{s::registered, e::stop}, s::stopped},   {{s::waiting, e::start}, s::starting},
    {{s::waiting, e::stop}, s::stopped},      {{s::waiting, e::reset}, s::registered},
    {{s::starting, e::no_slot}, s::waiting},  {{s::starting, e::come_up}, s::running},
    {{s::starting, e::lost}, s::registered},  {{s::starting, e::stop}, s::stopped},
    {{s::starting, e::reset}, s::registered}, {{s::running, e::stop}, s::stopping},
    {{s::running, e::exit_ok}, s::stopped},   {{s::running, e::exit_fault}, s::failed},
    {{s::stopping, e::exit_ok}, s::stopped},  {{s::stopping, e::exit_fault}, s::stopped},
    {{s::stopping, e::lost}, s::stopped},     {{s::stopped, e::start}, s::starting},
    {{s::stopped, e::reset}, s::registered},  {{s::failed, e::start}, s::starting},
    {{s::failed, e::stop}, s::stopped},       {{s::failed, e::reset}, s::registered},
};

TEST(state, every_event_leads_where_it_should_from_every_state) {
  for (int i = 0; i < state_count; ++i)
    for (int j = 0; j < event_count; ++j) {
      const auto found = expected.find({state_at(i), event_at(j)});
      const auto wanted = found == expected.end() ? std::nullopt : std::optional<s>(found->second);
      EXPECT_EQ(next(state_at(i), event_at(j)), wanted)
          << name_of(state_at(i)) << ", " << name_of(event_at(j));
    }
}

TEST(state, the_table_has_each_transition_once) {
  std::set<std::pair<s, e>> seen;
  for (const worker_transition &t : worker_transitions()) {
    EXPECT_TRUE(seen.emplace(t.from, t.event).second)
        << name_of(t.from) << ", " << name_of(t.event);
    EXPECT_EQ(next(t.from, t.event), t.to);
    EXPECT_NE(t.from, t.to) << name_of(t.from) << ", " << name_of(t.event);
  }
  EXPECT_EQ(seen.size(), expected.size());
}

std::set<s> reachable_from(s start) {
  std::set<s> found = {start};
  for (std::size_t before = 0; before != found.size();) {
    before = found.size();
    for (const worker_transition &t : worker_transitions())
      if (found.count(t.from) != 0) found.insert(t.to);
  }
  return found;
}

// Used by restart policies, the DBA's switch and the crash guard, when they are there.
const std::set<s> of_the_future = {s::backoff, s::disabled, s::quarantined};

TEST(state, every_state_in_use_can_be_reached_from_registered) {
  const std::set<s> found = reachable_from(s::registered);
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(found.count(state_at(i)), of_the_future.count(state_at(i)) == 0 ? 1u : 0u)
        << name_of(state_at(i));
}

TEST(state, no_state_is_a_dead_end) {
  for (const s from : reachable_from(s::registered))
    EXPECT_EQ(reachable_from(from).count(s::running), 1u) << name_of(from);
}

TEST(state, a_process_is_there_or_on_its_way_in_three_states) {
  for (int i = 0; i < state_count; ++i) {
    const s state = state_at(i);
    EXPECT_EQ(is_active(state), state == s::starting || state == s::running || state == s::stopping)
        << name_of(state);
  }
}

TEST(state, only_a_start_makes_an_idle_worker_active) {
  for (const worker_transition &t : worker_transitions())
    if (!is_active(t.from) && is_active(t.to)) {
      EXPECT_EQ(t.event, e::start) << name_of(t.from);
      EXPECT_EQ(t.to, s::starting);
    }
}

TEST(state, states_and_events_have_their_names) {
  const char *const states[] = {"registered", "starting", "running", "stopping", "stopped",
                                "failed",     "backoff",  "waiting", "disabled", "quarantined"};
  for (int i = 0; i < state_count; ++i) EXPECT_EQ(name_of(state_at(i)), states[i]);
  const char *const events[] = {"start", "no slot", "postpone",   "come up", "lost",
                                "stop",  "exit 0",  "other exit", "reset"};
  for (int i = 0; i < event_count; ++i) EXPECT_EQ(name_of(event_at(i)), events[i]);
  const char *const extensions[] = {"pending", "provisioned", "failed", "quarantined", "unloaded"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(name_of(static_cast<extension_state>(i)), extensions[i]);
  const char *const allocations[] = {"registered", "allocated", "draining", "failed"};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(static_cast<allocation_state>(i)), allocations[i]);
}

TEST(state, a_value_from_nowhere_has_a_name_too) {
  EXPECT_EQ(name_of(static_cast<worker_state>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<worker_event>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<extension_state>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<allocation_state>(200)), "unknown");
}

}  // namespace
}  // namespace dynpgext::model
