//! The whole corpus, in the order in which it runs.

import type { Theme } from "../attack.ts";
import { artifacts } from "./artifacts.ts";
import { descriptors, disk } from "./disk.ts";
import { endings } from "./endings.ts";
import { kernel } from "./kernel.ts";
import { leaks, neighbours } from "./leaks.ts";
import { memory } from "./memory.ts";
import { network } from "./network.ts";
import { output } from "./output.ts";
import { bombs, survivors } from "./processes.ts";
import { runner } from "./runner.ts";
import { terminals, terminalsOfOthers } from "./terminals.ts";
import { time } from "./time.ts";

export const themes: Theme[] = [bombs, survivors, time, endings, output, memory, disk, descriptors, artifacts, leaks, neighbours, terminals, terminalsOfOthers, runner, kernel, network];
