/// Configurations: their form as bytes comes back whole, and no other bytes are taken for one
/// (hazard 122).
#include "mainstay/core/configuration.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/core/cluster.hpp"

namespace mainstay::core_test {
namespace {

using core::configuration;
using core::member;
using testing::HasSubstr;

std::vector<member> random_members(std::size_t least, std::uint64_t first, std::uint64_t end) {
  std::set<std::uint64_t> ids;
  const auto count = *rc::gen::inRange<std::size_t>(least, 9);
  while (ids.size() < count) ids.insert(*rc::gen::inRange(first, end));
  std::vector<member> members;
  for (const auto id : ids) {
    members.push_back({node_id(id), *rc::gen::container<std::string>(rc::gen::arbitrary<char>()),
                       *rc::gen::arbitrary<std::uint8_t>()});
  }
  return members;
}

configuration random_configuration() {
  constexpr std::uint64_t top = std::uint64_t{1} << 40;
  configuration c{.voters = random_members(1, 1, top),
                  .outgoing_voters = random_members(0, 1, top),
                  .learners = random_members(0, top, 2 * top),
                  .change_id = *rc::gen::arbitrary<std::uint64_t>()};
  for (auto& m : c.learners) m.promote = *rc::gen::arbitrary<bool>();
  c.voters.front().priority = 1;  // somebody has to stand
  return c;
}

RC_GTEST_PROP(Configuration, ComesBackFromItsBytes, ()) {
  const configuration c = random_configuration();
  RC_PRE(core::check(c).has_value());

  const auto decoded = core::decode_configuration(core::encode(c).span());

  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == c);
}

RC_GTEST_PROP(Configuration, EveryShorterOrLongerFormIsMalformed, ()) {
  const auto bytes = core::encode(random_configuration());
  const auto shorter = bytes.slice(0, *rc::gen::inRange<std::size_t>(0, bytes.size()));
  const auto longer = shared_bytes::copy_of(std::string(bytes.text()) + '\0');

  RC_ASSERT(core::decode_configuration(shorter.span()).error().code == error_code::malformed);
  RC_ASSERT(core::decode_configuration(longer.span()).error().code == error_code::malformed);
}

// Hazard 122: no bytes make a configuration that breaks a rule.
RC_GTEST_PROP(Configuration, RandomBytesAreRefusedOrSound, ()) {
  auto bytes = *rc::gen::arbitrary<std::string>();
  if (!bytes.empty() && *rc::gen::arbitrary<bool>()) bytes[0] = *rc::gen::element('\1', '\2');

  const auto decoded = core::decode_configuration(shared_bytes::copy_of(bytes).span());

  RC_ASSERT(!decoded || core::check(*decoded).has_value());
}

RC_GTEST_PROP(Configuration, MembersAreTheUnionInOrder, ()) {
  const configuration c = random_configuration();
  std::set<std::uint64_t> naive;
  for (const auto* list : {&c.voters, &c.outgoing_voters, &c.learners}) {
    for (const auto& m : *list) naive.insert(m.id.value());
  }

  std::vector<std::uint64_t> ids;
  for (const auto& m : c.members()) ids.push_back(m.id.value());

  RC_ASSERT(ids == std::vector<std::uint64_t>(naive.begin(), naive.end()));
  for (const auto id : naive) RC_ASSERT(c.contains(node_id(id)));
  RC_ASSERT(!c.contains(node_id(std::uint64_t{1} << 60)));
}

std::string refusal(const configuration& c) {
  const auto checked = core::check(c);
  return checked ? "" : checked.error().message;
}

TEST(Configuration, NeedsVoters) {
  EXPECT_THAT(refusal({}), HasSubstr("voters must not be empty"));
}

TEST(Configuration, ListsAreSortedWithoutZeroOrDoubles) {
  const configuration unsorted{.voters = {{node_id(2), ""}, {node_id(1), ""}}};
  const configuration doubled{.voters = {{node_id(2), ""}, {node_id(2), ""}}};
  const configuration zero{.voters = {{node_id(0), ""}}};
  configuration outgoing = voters(1);
  outgoing.outgoing_voters = unsorted.voters;
  configuration learners = voters(1);
  learners.learners = doubled.voters;

  EXPECT_THAT(refusal(unsorted), HasSubstr("voters must list ids"));
  EXPECT_THAT(refusal(doubled), HasSubstr("voters must list ids"));
  EXPECT_THAT(refusal(zero), HasSubstr("voters must list ids"));
  EXPECT_THAT(refusal(outgoing), HasSubstr("outgoing_voters must list ids"));
  EXPECT_THAT(refusal(learners), HasSubstr("learners must list ids"));
}

TEST(Configuration, ListsAndAddressesHaveLimits) {
  configuration long_address = voters(1);
  long_address.voters[0].address.assign(256, 'a');
  configuration longest_address = voters(1);
  longest_address.voters[0].address.assign(255, 'a');

  EXPECT_THAT(refusal(voters(65)), HasSubstr("more than 64 members: 65"));
  EXPECT_EQ(refusal(voters(64)), "");
  EXPECT_THAT(refusal(long_address), HasSubstr("node 1 is longer than 255 bytes"));
  EXPECT_EQ(refusal(longest_address), "");
}

TEST(Configuration, AVoterIsNoLearner) {
  configuration c = voters(2);
  c.learners = {{node_id(2), ""}};

  EXPECT_THAT(refusal(c), HasSubstr("node 2 is both voter and learner"));
}

TEST(Configuration, AnOutgoingVoterMayBecomeALearner) {
  configuration c = voters(2);
  c.outgoing_voters = {{node_id(3), ""}};
  c.learners = {{node_id(3), ""}};

  EXPECT_EQ(refusal(c), "");
  EXPECT_TRUE(c.is_voter(node_id(3)));
}

TEST(Configuration, SomebodyStandsForElection) {
  configuration c = voters(2);
  c.voters[0].priority = c.voters[1].priority = 0;

  EXPECT_THAT(refusal(c), HasSubstr("at least one needs a priority above 0"));
}

TEST(Configuration, AVoterDoesNotWaitForPromotion) {
  configuration c = voters(2);
  c.voters[1].promote = true;

  EXPECT_THAT(refusal(c), HasSubstr("node 2 votes, so it cannot be promoted"));
}

TEST(Configuration, TheFirstVersionIsStillRead) {
  const std::string address = "host:1";
  std::string bytes("\1\1", 2);                 // the version, one voter
  bytes += std::string("\7\0\0\0\0\0\0\0", 8);  // node 7
  bytes += static_cast<char>(address.size());
  bytes += address + std::string(2, '\0');  // neither outgoing voters nor learners

  const auto decoded = core::decode_configuration(shared_bytes::copy_of(bytes).span());

  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, (configuration{.voters = {{node_id(7), address}}}));
}

TEST(Configuration, TheSecondVersionHasTheseBytes) {
  configuration c;
  c.voters = {{.id = node_id(7), .address = "a:1", .priority = 5}};
  c.learners = {{.id = node_id(8), .address = "b:2", .promote = true, .joined = log_index(9)}};
  c.change_id = 0x0203;
  std::string bytes("\2\3\2\0\0\0\0\0\0", 9);     // version, change
  bytes += std::string("\1\7\0\0\0\0\0\0\0", 9);  // one voter, of the first configuration
  bytes += std::string("\0\0\0\0\0\0\0\0\5\0\3", 11) + "a:1";
  bytes += '\0';  // none leaves
  bytes += std::string("\1\10\0\0\0\0\0\0\0", 9);
  bytes += std::string("\11\0\0\0\0\0\0\0\1\1\3", 11) + "b:2";

  EXPECT_EQ(core::encode(c).text(), bytes);
}

// Who leaves and comes again is told apart from who stayed, also by who hears of neither.
TEST(Configuration, NewcomersJoinAtTheIndexThatTakesThemIn) {
  configuration now = voters(3);
  now.learners = {{.id = node_id(4), .address = "n4", .joined = log_index(5)}};
  core::configuration_change change{.voters = now.members()};
  for (auto& m : change.voters) m.joined = log_index(77);  // not for the caller to say
  change.learners = {{.id = node_id(6), .address = "n6"}};

  const auto next = core::first_step(now, change, log_index(9));

  EXPECT_EQ(next.voters.front().joined, log_index(0));
  EXPECT_EQ(next.voters.back().joined, log_index(5));
  EXPECT_EQ(next.learners.front().joined, log_index(9));
  EXPECT_EQ(next.outgoing_voters, now.voters);
}

// A flag that this version does not know may mean that the member must not count.
TEST(Configuration, UnknownFlagsAreRefused) {
  std::string bytes(core::encode(voters(1)).text());
  bytes[1 + 8 + 1 + 8 + 8 + 1] = '\2';

  const auto decoded = core::decode_configuration(shared_bytes::copy_of(bytes).span());

  EXPECT_EQ(decoded.error().code, error_code::malformed);
}

TEST(Configuration, UnknownVersionsAreNamed) {
  const auto decoded = core::decode_configuration(shared_bytes::copy_of("\7").span());

  EXPECT_THAT(decoded.error().message, HasSubstr("unknown format version 7"));
}

}  // namespace
}  // namespace mainstay::core_test
