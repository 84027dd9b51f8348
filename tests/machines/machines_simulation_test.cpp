/// The ready-made machines on whole nodes under faults, by the test kit that is there for
/// everyone's. Models share no code with the machines.
#include <charconv>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mainstay/base/fields.hpp"
#include "mainstay/machines/atomic_register/atomic_register.hpp"
#include "mainstay/machines/counter/counter.hpp"
#include "mainstay/machines/distributed_lock/distributed_lock.hpp"
#include "mainstay/machines/key_value/answer.hpp"
#include "mainstay/machines/key_value/key_value.hpp"
#include "mainstay/machines/replicated_log/replicated_log.hpp"
#include "mainstay/simulation/machine_check.hpp"

namespace mainstay {
namespace {

using simulation::check_machine;

constexpr simulation::machine_check_options few{.seeds = 10};

std::int64_t number_in(std::string_view bytes) {
  return static_cast<std::int64_t>(field_reader(bytes).number());
}

TEST(MachinesInSimulation, TheCounterIsSound) {
  const auto report = check_machine(
      [] { return counter(); },
      {.command = [](random_generator& r) { return counter::add(std::int64_t(r.below(9)) - 4); },
       .query = [](random_generator&) { return counter::total(); },
       .model =
           [](std::string& state, const shared_bytes& asked, bool changes) {
             const auto sum = (state.empty() ? 0 : number_in(state)) + number_in(asked.text());
             if (changes || state.empty()) state = counter::add(changes ? sum : 0).text();
             return state;
           }});
  EXPECT_TRUE(report.is_sound()) << report.text();
}

TEST(MachinesInSimulation, TheRegisterIsSound) {
  const auto draw = [](random_generator& r) {
    return r.below(5) == 0 ? atomic_register::value() : std::to_string(r.below(4));
  };
  // The state is the value with a letter before it, so that none and an empty one differ.
  const auto report = check_machine(
      [] { return atomic_register(); },
      {.command =
           [&](random_generator& r) {
             if (r.below(10) == 0) return shared_bytes::copy_of("nothing that it knows");
             if (r.below(2) == 0) return atomic_register::write(draw(r));
             return atomic_register::compare_and_set(draw(r), draw(r));
           },
       .query = [](random_generator&) { return atomic_register::read(); },
       .read =
           [](const shared_bytes& answer) {
             const auto value = atomic_register::value_in(answer);
             return !value ? "refused" : *value ? "=" + **value : "";
           },
       .model = [](std::string& state, const shared_bytes& asked, bool changes) -> std::string {
         const auto before = state;
         if (!changes) return before;
         field_reader fields(asked.text());
         const auto take = [&] {
           return fields.number() == 0 ? std::string() : "=" + std::string(fields.text());
         };
         const auto operation = fields.number();
         if (operation > 2) return "refused";
         const auto expected = operation == 2 ? take() : before;
         const auto wanted = take();
         if (expected == before) state = wanted;
         return before;
       }},
      few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

/// Ids are log times, which no client can know: what is left of an answer is how many, and what.
std::string told_of_log(const shared_bytes& answer) {
  if (const auto done = replicated_log::appended_in(answer)) return std::to_string(done->position);
  if (const auto count = replicated_log::count_in(answer)) return std::to_string(*count);
  const auto records = replicated_log::records_in(answer);
  std::string text;
  for (const auto& r : *records) text += r.content + ' ';
  return text;
}

TEST(MachinesInSimulation, TheLogIsSound) {
  std::uint64_t drawn = 0;
  const auto report = check_machine(
      [] { return replicated_log(); },
      {.command =
           [&drawn](random_generator& r) {
             if (r.below(8) == 0) return replicated_log::keep_newest(r.below(8));
             return replicated_log::append("r" + std::to_string(++drawn));
           },
       .query =
           [](random_generator& r) {
             if (r.below(3) == 0) return replicated_log::length();
             return replicated_log::read(first_record, last_record, 1 + r.below(20));
           },
       .read = told_of_log,
       // How many there ever were, then the records, each with a blank behind it.
       .model =
           [](std::string& state, const shared_bytes& asked, bool /*changes*/) {
             if (state.empty()) state = "0 ";
             std::vector<std::string> words;
             for (std::size_t at = 0, end = 0; (end = state.find(' ', at)) != std::string::npos;
                  at = end + 1) {
               words.push_back(state.substr(at, end - at));
             }
             field_reader fields(asked.text());
             const auto operation = fields.number();
             std::string answer;
             if (operation == 1) {
               fields.number();
               fields.number();
               answer = words.front() = std::to_string(std::stoul(words.front()) + 1);
               words.emplace_back(fields.text());
             } else if (operation == 4) {
               const std::size_t kept = std::min<std::size_t>(fields.number(), words.size() - 1);
               const std::size_t dropped = words.size() - 1 - kept;
               words.erase(words.begin() + 1, words.begin() + 1 + std::ptrdiff_t(dropped));
               answer = std::to_string(dropped);
             } else if (operation == 6) {
               answer = std::to_string(words.size() - 1);
             } else {
               for (int i = 0; i < 4; ++i) fields.number();
               const std::size_t most = std::min<std::size_t>(fields.number(), words.size() - 1);
               for (std::size_t i = 1; i <= most; ++i) answer += words[i] + ' ';
             }
             state.clear();
             for (const auto& word : words) state += word + ' ';
             return answer;
           }},
      few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

std::string told_of_lock(const shared_bytes& answer) {
  if (const auto got = distributed_lock::grant_in(answer)) {
    return std::to_string(got->token) + "/" + std::to_string(got->place);
  }
  if (const auto done = distributed_lock::released_in(answer)) return *done ? "left" : "not there";
  const auto found = distributed_lock::holder_in(answer);
  if (!found) return "refused";
  return !*found ? "free"
                 : (*found)->owner + " " + std::to_string((*found)->token) + " " +
                       std::to_string((*found)->waiting);
}

/// Asks for, or gives up, one of two locks as one of three owners.
shared_bytes draw_for_lock(random_generator& r, std::uint64_t milliseconds) {
  const auto name = r.below(2) == 0 ? "door" : "gate";
  const auto owner = std::string(1, static_cast<char>('a' + r.below(3)));
  if (r.below(3) == 0) return distributed_lock::release(name, owner);
  return distributed_lock::acquire(name, owner, milliseconds, r.below(3) > 0);
}

simulation::machine_subject lock_subject(std::uint64_t milliseconds) {
  return {.command = [milliseconds](random_generator& r) { return draw_for_lock(r, milliseconds); },
          .query =
              [](random_generator& r) {
                return distributed_lock::look(r.below(2) == 0 ? "door" : "gate");
              },
          .read = told_of_lock};
}

TEST(MachinesInSimulation, LocksThatOutlastTheRunAreSound) {
  const auto report =
      check_machine([] { return distributed_lock(); }, lock_subject(3'600'000), few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

TEST(MachinesInSimulation, LocksThatEndByLogTimeAreTheSameOnAllReplicas) {
  auto subject = lock_subject(400);
  subject.is_timed = true;

  const auto report = check_machine([] { return distributed_lock(); }, subject, few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

shared_bytes draw_for_key_value(random_generator& r, bool expires) {
  using keyspace::operation;
  byte_arena arena(64);
  const std::string key(1, static_cast<char>('a' + r.below(3)));
  const auto value = std::to_string(r.below(5));
  const keyspace::number_argument amount(1 + r.below(5));
  const keyspace::time_argument time({.number = 1 + static_cast<std::int64_t>(r.below(900))});
  switch (r.below(expires ? 6 : 5)) {
    case 0:
      return encode(arena, operation::set, {key, value});
    case 1:
      return encode(arena, operation::append, {key, value});
    case 2:
      return encode(arena, operation::erase, {key});
    case 3:
      return encode(arena, operation::increment, {key, amount.text()});
    case 4:
      return encode(arena, operation::set, keyspace::if_absent | keyspace::answer_count,
                    std::vector<std::string_view>{key, value});
    default:
      return encode(arena, operation::expire, {key, time.text()});
  }
}

simulation::machine_subject key_value_subject(bool expires) {
  return {.command = [expires](random_generator& r) { return draw_for_key_value(r, expires); },
          .query =
              [](random_generator& r) {
                byte_arena arena(64);
                return encode(arena, keyspace::operation::get_many,
                              {"a", r.below(2) == 0 ? "b" : "c"});
              },
          .is_timed = expires};
}

TEST(MachinesInSimulation, TheKeyValueTableIsSound) {
  const auto report = check_machine([] { return key_value(7); }, key_value_subject(false), few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

TEST(MachinesInSimulation, KeysThatExpireAreTheSameOnAllReplicas) {
  const auto report = check_machine([] { return key_value(7); }, key_value_subject(true), few);

  EXPECT_TRUE(report.is_sound()) << report.text();
}

}  // namespace
}  // namespace mainstay
