/** The one connection of the page, for all of its scripts. */

import { connect } from 'dddp';

export const client = connect();

export const $ = (selector, root = document) => root.querySelector(selector);
