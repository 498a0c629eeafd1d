/* SPDX-License-Identifier: BSD-3-Clause */
/* What test_notes.py lets gcc instrument. */
int chosen(int number);
int never(int number);

static int twice(int number)
{
	return 2 * number;
}

int chosen(int number)
{
	if (number > 10) {
		return twice(number);
	}
	return -number;
}

int never(int number)
{
	return number;
}
