// Which files of a hosted library belong to one instance, and their names.
#include "model/instance_files.h"

#include <gtest/gtest.h>

#include <string>

namespace dynpgext::model {
namespace {

std::string own_path(std::string_view path, const file_owner &owner) {
  char to[1024];
  write_own_path(path, owner, to);
  return to;
}

TEST(instance_files, only_those_of_libraries_belong_to_an_instance) {
  EXPECT_EQ(kind_of_file("pg_stat_tmp/pgss_query_texts.stat"), file_kind::passing);
  for (const char *path : {"pg_stat/pg_stat_statements.stat", "pg_stat/pg_stat_statements.stat.tmp",
                           "pg_stat/pg_stat_kcache.stat", "global/pg_store_plans.stat",
                           "autoprewarm.blocks", "autoprewarm.blocks.tmp"})
    EXPECT_EQ(kind_of_file(path), file_kind::lasting) << path;
  for (const char *path :
       {"", "postgresql.conf", "global/pg_control", "global/1262", "base/5/1259", "log/audit.csv",
        "pg_wal/000000010000000000000001", "pg_stat_tmp", "pg_stat_tmp/own/file", "/tmp/x"})
    EXPECT_EQ(kind_of_file(path), file_kind::common) << path;
}

TEST(instance_files, passing_ones_have_the_number_of_the_instance) {
  const std::string path = own_path("pg_stat_tmp/texts.stat", {7, 0, "library", true});
  EXPECT_EQ(path, "pg_stat_tmp/dynpgext.7.texts.stat");
  EXPECT_EQ(own_path("pg_stat_tmp/texts.stat", {7, 16384, "library", true}), path);
  EXPECT_EQ(own_path("pg_stat_tmp/texts.stat", {7, 0, "library", false}), path);
  EXPECT_EQ(owner_of_passing_file("dynpgext.7.texts.stat"), 7U);
}

TEST(instance_files, lasting_ones_are_those_of_the_newest_instance) {
  const char *path = "pg_stat/s.stat";
  EXPECT_EQ(own_path(path, {7, 0, "library", true}), path);
  EXPECT_EQ(own_path(path, {7, 16384, "library", true}), "pg_stat/dynpgext.16384.library.s.stat");
  EXPECT_EQ(own_path(path, {7, 0, "library", false}), "pg_stat_tmp/dynpgext.7.s.stat");
  EXPECT_EQ(own_path(path, {7, 16384, "library", false}), "pg_stat_tmp/dynpgext.7.s.stat");
  EXPECT_EQ(own_path("autoprewarm.blocks.tmp", {7, 16384, "library", true}),
            "dynpgext.16384.library.autoprewarm.blocks.tmp");
}

TEST(instance_files, lasting_ones_of_a_database_are_found_again) {
  EXPECT_TRUE(is_lasting_file_of("dynpgext.16384.library.s.stat", 16384, "library"));
  for (const char *name :
       {"dynpgext.16384.other.s.stat", "dynpgext.1638.library.s.stat", "s.stat", "dynpgext.7.s"})
    EXPECT_FALSE(is_lasting_file_of(name, 16384, "library")) << name;
}

TEST(instance_files, other_files_in_the_folder_belong_to_no_instance) {
  for (const char *name :
       {"dynpgext.guard", "dynpgext-layout2.so", "pgss_query_texts.stat", "dynpgext.", "dynpgext.7",
        "dynpgext.7x.stat", "dynpgext.-7.x", "dynpgext.99999999999999999999.x", "."})
    EXPECT_EQ(owner_of_passing_file(name), 0U) << name;
}

TEST(instance_files, a_path_is_cut_to_fit) {
  char to[16];
  write_own_path("pg_stat_tmp/texts.stat", {7, 0, "library", true}, to);
  EXPECT_STREQ(to, "pg_stat_tmp/dyn");
}

}  // namespace
}  // namespace dynpgext::model
