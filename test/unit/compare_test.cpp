// Does an allocation have the memory that it wants?
#include "model/reconcile.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace dynpgext::model {
namespace {

using namespace samples;

struct one_allocation : testing::Test {
  desired_database mine = with_allocation(db1, global_memory, 5);
  desired_database theirs = with_allocation(db2, global_memory, 6);

  allocation_match matched(const live_allocation *live,
                           const std::vector<desired_database> &others) {
    const bool shared = std::any_of(others.begin(), others.end(), [=](const desired_database &d) {
      const allocation *same =
          live == nullptr ? nullptr : d.registrations.find_allocation(live->name);
      return d.database != db1 && same != nullptr && home_of(same->scope, d.database) == live->home;
    });
    return compare(mine.registrations.allocations[0], mine.registrations.extensions[0], db1, live,
                   shared);
  }
};
using compare_allocation = one_allocation;

TEST_F(compare_allocation, without_memory_is_missing) {
  EXPECT_EQ(matched(nullptr, {mine}), allocation_match::missing);
  EXPECT_EQ(matched(nullptr, {mine, theirs}), allocation_match::missing);
}

TEST_F(compare_allocation, with_the_memory_it_made_is_the_same) {
  const live_allocation live = memory_of(mine);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::same);
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
  EXPECT_EQ(matched(&live, {}), allocation_match::same);  // not registered yet
}

TEST_F(compare_allocation, with_memory_that_another_database_made_is_the_same) {
  const live_allocation live = memory_of(theirs);
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::same);
}

TEST_F(compare_allocation, with_memory_of_an_earlier_incarnation_is_replaceable) {
  live_allocation live = memory_of(mine);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
  live.size = 4096;  // then another size matches, too
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
  live.extension = "b";  // so does another extension
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
}

TEST_F(compare_allocation, with_memory_of_an_earlier_incarnation_that_others_have_is_the_same) {
  live_allocation live = memory_of(mine);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::same);
}

TEST_F(compare_allocation, with_another_size_is_taken) {
  live_allocation live = memory_of(mine);
  live.size += 1;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
  live.source = db2;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::taken);
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
}

TEST_F(compare_allocation, with_another_size_that_others_have_is_taken_in_any_incarnation) {
  live_allocation live = memory_of(mine);
  live.size += 1;
  live.incarnation = 4;
  theirs.registrations.allocations[0].size += 1;
  EXPECT_EQ(matched(&live, {mine, theirs}), allocation_match::taken);
}

TEST_F(compare_allocation, that_sql_has_declared_is_not_the_librarys) {
  mine = with_allocation(db1, local_memory, 5);
  live_allocation live = memory_of(mine);
  live.declared = true;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
  mine.registrations.allocations[0].declared = true;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::same);
  live.declared = false;
  EXPECT_EQ(matched(&live, {mine}), allocation_match::replaceable);
}

TEST_F(compare_allocation, of_another_extension_is_taken) {
  live_allocation live = memory_of(mine);
  live.extension = "b";
  EXPECT_EQ(matched(&live, {mine}), allocation_match::taken);
}

TEST_F(compare_allocation, a_local_name_elsewhere_does_not_share_the_memory) {
  mine = with_allocation(db1, local_memory, 5);
  const desired_database elsewhere = with_allocation(db2, local_memory, 6);
  live_allocation live = memory_of(mine);
  EXPECT_EQ(matched(&live, {mine, elsewhere}), allocation_match::same);
  live.incarnation = 4;
  EXPECT_EQ(matched(&live, {mine, elsewhere}), allocation_match::replaceable);
}

}  // namespace
}  // namespace dynpgext::model
